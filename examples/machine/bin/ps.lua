-- ps [-e]: lists the processes of this terminal; -e all processes.
local text = dofile("/lib/text.lua")
local options = text.options("e", "[-e]")
local rows, mine = {}, nil
for _, line in ipairs(processes()) do
  local words, at = {}, 1
  for i = 1, 7 do
    local blank = line:find(" ", at, true)
    words[i], at = line:sub(at, blank - 1), blank + 1
  end
  words.command = line:sub(at)
  rows[#rows + 1] = words
  if tonumber(words[1]) == getpid() then mine = words[7] end
end
text.put("  PID  PPID S  NI    TIME TTY   COMMAND\n")
for _, row in ipairs(rows) do
  if options.e or row[7] == mine then
    local terminal = row[7] == "-1" and "?" or "pts/" .. row[7]
    text.put(string.format("%5s %5s %s %3s %7.2f %-5s %s\n", row[1], row[2], row[4], row[5], row[6] / 1000,
                           terminal, row.command))
  end
end
text.leave()
