-- date: how long the machine has been running, in its own time.
local ms = now()
print(string.format("%d days %02d:%02d:%06.3f", ms // 86400000, ms // 3600000 % 24, ms // 60000 % 60, ms / 1000 % 60))
