-- echo [-n] [WORD...]: writes the words; -n without a line end.
local first = arg[1] == "-n" and 2 or 1
write(1, table.concat(arg, " ", first) .. (first == 1 and "\n" or ""))
