#!/usr/bin/env bash
# lua-mpack 1.0.7 (Lua, Debian 12) cannot write a table whose only key is the string "1":
# it takes it for a list, whose element 1 it then does not find. With "2" or with another
# key beside it the table is written.
# One would have guessed a map with one entry, in each case.
source "$(dirname "$0")/common"
deb lua5.3=5.3.6-2 lua-mpack=1.0.7-2 libmpack0=1.0.5-3

libs=$(dirname usr/lib/*/libmpack.so.0)
LUA_CPATH="$libs/lua/5.3/?.so" LD_LIBRARY_PATH=$libs usr/bin/lua5.3 - <<'L' | seen '{"1"} false
{"2"} true
{"x"} true'
local mpack = require "mpack"
for _, key in ipairs { "1", "2", "x" } do
	print('{"' .. key .. '"} ' .. tostring((pcall(mpack.pack, { [key] = true }))))
end
L
