-- Five philosophers deadlock: each takes the left fork, thinks a little, and then takes the right one. With the argument
-- "ordered" each takes the lower fork first, and they do not.
local count = 5
local ordered = arg[1] == "ordered"
for i = 1, count do
  fork(function()
    local left, right = i, i % count + 1
    if ordered and right < left then left, right = right, left end
    for meal = 1, 3 do
      mutex_lock("fork" .. left)
      compute(5)
      sleep(1)
      local got, why = mutex_lock("fork" .. right)
      if not got then
        print("philosopher " .. i .. " is refused: " .. why)
        mutex_unlock("fork" .. left)
        exit(1)
      end
      compute(10)
      mutex_unlock("fork" .. right)
      mutex_unlock("fork" .. left)
    end
  end)
end
local fed = 0
while true do
  local pid, status = wait()
  if not pid then break end
  if status == 0 then fed = fed + 1 end
end
print(fed .. " of " .. count .. " philosophers have eaten")
