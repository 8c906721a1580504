-- nice [-n N] PROGRAM [ARGUMENT...]: runs the program with a nice value that is N higher, 10 if N is not given.
local text = dofile("/lib/text.lua")
local first, by = 1, 10
if arg[1] == "-n" then first, by = 3, math.tointeger(tonumber(arg[2] or "")) or text.fail("-n lacks a number", 2) end
local program = text.program(arg[first] or text.fail("which program?", 2))
local done, why = nice(by)
if not done then text.warn(why) end
local _, reason = exec(program, table.unpack(arg, first + 1))
text.fail(program .. ": " .. reason, 126)
