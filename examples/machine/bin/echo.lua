-- echo [-n] [WORD...]: the words.
local first = arg[1] == "-n" and 2 or 1
write(1, table.concat(arg, " ", first) .. (first == 1 and "\n" or ""))
