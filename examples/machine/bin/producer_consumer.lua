-- The bounded buffer: a producer and a consumer, three semaphores, a buffer of four places.
local items = tonumber(arg[1] or "20")
local places = 4
sem_open("empty", places)
sem_open("full", 0)
sem_open("buffer", 1)
queue_open("items", places)

fork(function()
  for i = 1, items do
    compute(math.random(1, 5))
    sem_wait("empty")
    sem_wait("buffer")
    queue_send("items", "item " .. i)
    sem_post("buffer")
    sem_post("full")
  end
end)

local taken = 0
for i = 1, items do
  sem_wait("full")
  sem_wait("buffer")
  local item = queue_receive("items")
  sem_post("buffer")
  sem_post("empty")
  compute(math.random(1, 8))
  if item == "item " .. i then taken = taken + 1 end
end
wait()
print(taken .. " items came in order")
