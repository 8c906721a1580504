-- yes [WORD...]: writes the words, or y, on line after line, until nobody reads them.
local line = (#arg > 0 and table.concat(arg, " ") or "y") .. "\n"
local lines = line:rep(1024 // #line + 1)
while write(1, lines) do end
