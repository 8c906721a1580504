-- Makes a tree of processes as deep as its argument says; each has two children and waits for both.
local depth = tonumber(arg[1] or "4")
local function grow(level)
  if level == 0 then
    compute(5)
    return 1
  end
  local sum = 1
  for i = 1, 2 do fork(function() exit(grow(level - 1)) end) end
  for i = 1, 2 do
    local _, below = wait()
    sum = sum + below
  end
  return sum
end
print(grow(depth) .. " processes")
