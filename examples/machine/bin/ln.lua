-- ln [-f] FILE NAME: another name of the file, in the directory NAME if it is one; -f takes the name from another file.
local text = dofile("/lib/text.lua")
local options, names = text.options("f", "[-f] FILE NAME")
if #names ~= 2 then text.fail("which file, and which name?", 2) end
local from, to = names[1], text.into(names[1], names[2])
local old, file = stat(to), stat(from)
if options.f and old and file and old.inode ~= file.inode then remove(to) end
local done, why = link(from, to)
if not done then text.warn(to .. ": " .. why) end
text.leave()
