-- ln [-fs] FILE NAME: gives the file another name, in NAME if that is a directory; -s makes a symbolic link with the text
-- FILE, -f takes the name from the file that has it.
local text = dofile("/lib/text.lua")
local options, names = text.options("fs", "[-fs] FILE NAME")
if #names ~= 2 then text.fail("which file, and which name?", 2) end
local from, to = names[1], text.into(names[1], names[2])
local old, file = lstat(to), lstat(from)
if options.f and old and (options.s or file and old.inode ~= file.inode) then remove(to) end
local done, why = (options.s and symlink or link)(from, to)
if not done then text.warn(to .. ": " .. why) end
text.leave()
