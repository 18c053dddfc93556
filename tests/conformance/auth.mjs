/* SPDX-License-Identifier: MIT */
/*
 * auth: loaded before the conformance suite, which knows no option for
 * headers: each request of it to MCP_URL carries MCP_TOKEN.  It has three ways
 * to send one: fetch, node:http and undici's request.
 */
import http from 'node:http';
import { createRequire, syncBuiltinESMExports } from 'node:module';

const bearer = `Bearer ${process.env.MCP_TOKEN}`;
const { origin, host } = new URL(process.env.MCP_URL);
const known = (headers) => Object.keys(headers)
    .some((name) => name.toLowerCase() === 'authorization');
const isPlain = (o) => o !== null && typeof o === 'object' &&
    !Array.isArray(o) && typeof o[Symbol.iterator] !== 'function' &&
    !(o instanceof URL);

const { fetch } = globalThis;
globalThis.fetch = (input, init = {}) => {
	const request = input instanceof Request;
	const url = new URL(request ? input.url : input);
	const headers = new Headers(init.headers ??
	    (request ? input.headers : undefined));

	if (url.origin === origin && !headers.has('authorization'))
		headers.set('authorization', bearer);
	return fetch(input, { ...init, headers });
};

const { request } = http;
http.request = (...args) => {
	const options = args.find(isPlain) ?? {};
	const url = args[0] instanceof URL ? args[0] : undefined;
	const target = url?.host ??
	    `${options.hostname ?? options.host}:${options.port}`;

	if (target === host && !known(options.headers ?? {}))
		options.headers = { ...options.headers, Authorization: bearer };
	return args.includes(options) ? request(...args)
	    : request(args[0], options, ...args.slice(1));
};
syncBuiltinESMExports();

const { getGlobalDispatcher, setGlobalDispatcher } =
    createRequire(process.argv[1])('undici');
setGlobalDispatcher(getGlobalDispatcher().compose((dispatch) =>
	(options, handler) => {
		const { headers } = options;

		if (String(options.origin) !== origin ||
		    (headers && !isPlain(headers)) || known(headers ?? {}))
			return dispatch(options, handler);
		return dispatch({ ...options,
			headers: { ...headers, authorization: bearer } },
		    handler);
	}));
