-- Lua has one kind of string, of bytes, and one kind of table.
local library, variant = arg[1], arg[2]

local function text(s)
	local out = {}
	local i = 1
	while i <= #s do
		local b = s:byte(i)
		local n = 1
		if b >= 0xC2 then
			n = b < 0xE0 and 2 or b < 0xF0 and 3 or 4
			if not (utf8.len(s, i, math.min(i + n - 1, #s)) == 1) then
				n = 0
			end
		elseif b >= 0x80 then
			n = 0
		end
		if n == 0 then
			out[#out + 1] = string.format("\\x%02x", b)
			n = 1
		elseif b == 0x22 or b == 0x5C then
			out[#out + 1] = "\\" .. string.char(b)
		elseif b < 0x20 or b == 0x7F then
			out[#out + 1] = string.format("\\u%04x", b)
		else
			out[#out + 1] = s:sub(i, i + n - 1)
		end
		i = i + n
	end
	return '"' .. table.concat(out) .. '"'
end

local function show(v)
	local t = type(v)
	if v == nil then
		return "nil"
	elseif t == "boolean" then
		return tostring(v)
	elseif math.type(v) == "integer" then
		return string.format("%d", v)
	elseif t == "number" then
		return string.format("f(%.17g)", v)
	elseif t == "string" then
		return text(v)
	elseif t ~= "table" then
		return t
	end
	local n, list = 0, true
	for k in pairs(v) do
		n = n + 1
	end
	for i = 1, n do
		list = list and v[i] ~= nil
	end
	local out = {}
	if list then
		for i = 1, n do
			out[i] = show(v[i])
		end
		return "[" .. table.concat(out, ", ") .. "]"
	end
	for k, e in pairs(v) do
		out[#out + 1] = show(k) .. ": " .. show(e)
	end
	table.sort(out)
	return "{" .. table.concat(out, ", ") .. "}"
end

local function message(e)
	return "!" .. tostring(e):gsub("^%S+:%d+: ", ""):gsub("table: 0x%x+", "table"):gsub("%s+", " ")
end

local function hex(s)
	return (s:gsub(".", function(c) return string.format("%02x", c:byte()) end))
end

local pack, unpack, version
if library == "MessagePack" then
	local mp = require "MessagePack"
	if variant == "options" then
		mp.set_string "string"
	end
	pack, unpack, version = mp.pack, mp.unpack, mp._VERSION
else
	local mpack = require "mpack"
	version = io.popen("dpkg-query -W -f '${Version}' lua-mpack"):read("a")
	pack = mpack.pack or mpack.encode
	unpack = mpack.unpack or mpack.decode
	local null = mpack.NIL
	local plain = show
	show = function(v)
		if v == null then
			return "nil"
		end
		return plain(v)
	end
end

print(version)
for line in io.lines() do
	local bytes = line:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)
	local ok, v = pcall(unpack, bytes)
	if not ok then
		print(message(v))
	else
		local ok, back = pcall(pack, v)
		print(show(v) .. "\t" .. (ok and hex(back) or message(back)))
	end
end

print "written"
local function write(name, v)
	local ok, bytes = pcall(pack, v)
	print(name .. "\t" .. (ok and hex(bytes) or message(bytes)))
end
for _, n in ipairs { 0, 127, 128, 255, 256, 65535, 65536, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 53) - 1, 1 << 53, (1 << 53) + 1,
	math.maxinteger, -1, -32, -33, -128, -129, -32768, -32769, -(1 << 31), -(1 << 31) - 1, math.mininteger } do
	write("int " .. n, n)
end
write("milliseconds", 1700000000000)
write("float 5", 5.0)
write("float -0", -0.0)
write("float 0.1", 0.1)
write("float 1e+300", 1e300)
write("float 1e+16", 1e16)
write("float inf", math.huge)
write("float nan", 0 / 0)
write("price", 10 / 2)
write("small float", 0.1)
write("nil", nil)
write("true", true)
write("text", "hé")
write("empty text", "")
write("text of 300", ("t"):rep(300))
write("bin", "\x00\xff")
write("list", { 1, 2 })
write("list with a hole", { 1, nil, 3 })
write("empty list", {})
write("map", { k = 7 })
write("empty map", {})
write("int keys", { [1] = "x" })
write("int to int", { [1] = 2 })
write("mixed keys", { [1] = "i", ["1"] = "s" })
write("record", { Name = "Ada", Grade = 1.0, Tags = nil })
