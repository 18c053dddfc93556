"""none"""
