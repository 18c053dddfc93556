/* SPDX-License-Identifier: MIT */
/*
 * cases: what every client is asked to do.  connect(token) gives
 * { list(), call(name, arguments, onprogress), close() }; results are as the
 * client hands them out.  A client without progress says { progress: false };
 * { expected } is the revision that it is to speak.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const env = (name) => {
	const value = process.env[name];

	if (!value)
		throw new Error(`${name} is not set: run this by tests/interop/run`);
	return value;
};

export const endpoints = {
	http: env('MCP_URL'),
	sse: env('MCP_SSE_URL'),
};
const TOKEN = env('MCP_TOKEN');
const WRONG = `mxt_${'A'.repeat(43)}`;

const records = () => readFileSync(env('MCP_AUDIT'), 'utf8').split('\n')
    .filter((line) => line !== '').map((line) => JSON.parse(line));

/* The revision of the last command, as recorded. */
const spoken = () => records()
    .findLast((r) => r['event.action'] === 'run-intent')['mcp.revision'];

/* Failed authentications with an unknown token, as recorded. */
const failures = () => records()
    .filter((r) => r['event.action'] === 'auth-failure' &&
	r['event.reason'].includes('unknown'))
    .reduce((sum, r) => sum + r['event.count'], 0);

const text = (result) => result.content.map((c) => c.text ?? '').join('');

const cases = {
	async list(c) {
		const tools = await c.list();
		const names = tools.map((t) => t.name).sort();

		assert.deepEqual(names, ['cli_command', 'exec_cmd']);
		for (const tool of tools) {
			assert.ok(tool.description.length > 20, 'description');
			assert.ok(tool.inputSchema.required.includes('command'));
		}
	},
	async exec_cmd(c) {
		const r = await c.call('exec_cmd',
		    { command: 'printf "a b\\nc\\n" | wc -l; id -u' });

		assert.ok(!r.isError, text(r));
		assert.match(text(r), /^\s*2\n\d+\n/);
		assert.equal(r.structuredContent.exit_code, 0);
		assert.match(r.structuredContent.stdout, /^\s*2\n\d+\n$/);
	},
	async cli_command(c) {
		const r = await c.call('cli_command',
		    { command: 'printf %s "a  $HOME | b"' });

		assert.ok(!r.isError, text(r));
		assert.equal(text(r), 'STDOUT: a  $HOME | b\n\n' +
		    'STDERR: \nRETURNCODE: 0\nSUCCESS: True');
	},
	async working_directory(c) {
		const top = await c.call('exec_cmd',
		    { command: 'mkdir -p sub/dir && pwd' });
		const sub = await c.call('exec_cmd',
		    { command: 'pwd', working_dir: 'sub/dir' });
		const cli = await c.call('cli_command',
		    { command: 'pwd', work_dir: 'sub' });
		const out = await c.call('exec_cmd',
		    { command: 'pwd', working_dir: '../..' });
		const here = top.structuredContent.stdout.trim();

		assert.equal(sub.structuredContent.stdout, `${here}/sub/dir\n`);
		assert.equal(cli.structuredContent.stdout, `${here}/sub\n`);
		assert.ok(out.isError, 'a directory outside is refused');
	},
	async failing_command(c) {
		const shell = await c.call('exec_cmd',
		    { command: 'echo so far; echo why >&2; exit 3' });
		const cli = await c.call('cli_command',
		    { command: 'ls /does/not/exist' });

		assert.equal(shell.isError, true);
		assert.match(text(shell), /execution failed/);
		assert.match(text(shell), /so far/);
		assert.match(text(shell), /why/);
		assert.equal(shell.structuredContent.exit_code, 3);
		assert.match(text(cli), /RETURNCODE: 2\nSUCCESS: False/);
		assert.match(text(cli), /No such file/);
	},
	async time_out(c) {
		const begin = Date.now();
		const r = await c.call('exec_cmd',
		    { command: 'echo so far; exec sleep 60', timeout_ms: 400 });

		assert.ok(Date.now() - begin < 15000, 'ends in time');
		assert.equal(r.isError, true);
		assert.equal(r.structuredContent.timed_out, true);
		assert.match(text(r), /so far/);
	},
	async live_output(c) {
		const seen = [];
		const r = await c.call('exec_cmd', {
			command: 'for i in 1 2 3; do echo tick $i; sleep 0.4; done',
		}, (p) => seen.push({ at: Date.now(), ...p }));
		const end = Date.now();

		assert.ok(!r.isError, text(r));
		assert.equal(seen.length, 3, JSON.stringify(seen));
		seen.forEach((p, i) => {
			assert.ok(i === 0 || p.progress > seen[i - 1].progress);
			if (c.messages ?? true)
				assert.equal(p.message, `tick ${i + 1}\n`);
		});
		assert.ok(end - seen[0].at > 700, 'while it runs');
		assert.ok(seen[2].at - seen[0].at > 500, 'as it comes');
	},
};

const report = async (name, test) => {
	try {
		await test();
		console.log(`ok ${name}`);
	} catch (e) {
		const why = String(e?.message ?? e).replace(/\s+/g, ' ');

		console.log(`FAIL ${name}: ${why.slice(0, 400)}`);
	}
};

/* Every case over one connection, then a wrong token over another. */
export const run = async (label, connect) => {
	const client = await connect(TOKEN).catch((e) => {
		console.log(`FAIL ${label} connect: ${e?.message}`);
	});

	for (const [name, test] of Object.entries(cases)) {
		if (name === 'live_output' && client?.progress === false)
			continue;
		await report(`${label} ${name}`, async () => {
			assert.ok(client, 'no connection');
			await test(client);
		});
	}
	if (client?.expected !== undefined)
		await report(`${label} revision`, () =>
			assert.equal(spoken(), client.expected));
	await report(`${label} wrong_token`, async () => {
		const before = failures();

		await assert.rejects(async () => {
			const c = await connect(WRONG);

			await c.list();
		});
		/* clients name the reason as they like: the record tells it */
		for (let i = 0; i < 50 && failures() === before; i++)
			await new Promise((done) => setTimeout(done, 100));
		assert.ok(failures() > before, 'no failure was recorded');
	});
	await client?.close();
};
