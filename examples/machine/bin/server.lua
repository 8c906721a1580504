-- A server: clients put requests into a queue, a pool of threads takes and answers them.
local workers = tonumber(arg[1] or "4")
local clients, each = 5, 8
queue_open("requests", 16)
for c = 1, clients do queue_open("answers" .. c, 16) end

for c = 1, clients do
  fork(function()
    local slowest = 0
    for n = 1, each do
      sleep(math.random(1, 30))
      local before = now()
      queue_send("requests", c .. " " .. n)
      queue_receive("answers" .. c)
      local took = now() - before
      if took > slowest then slowest = took end
    end
    print(string.format("client %d: slowest answer %.1f ms", c, slowest))
  end)
end

local served, pool = 0, {}
for w = 1, workers do
  pool[w] = thread(function()
    while true do
      local request = queue_receive("requests")
      if request == "end" then break end
      compute(math.random(2, 10))
      sleep(5)
      served = served + 1
      queue_send("answers" .. request:match("%d+"), "done")
    end
  end)
end
while wait() do end
for w = 1, workers do queue_send("requests", "end") end
for w = 1, workers do join(pool[w]) end
print("served " .. served .. " requests with " .. workers .. " threads")
