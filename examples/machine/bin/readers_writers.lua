-- Readers and writers with a monitor: many may read at a time, one writes alone, and a waiting
-- writer goes before new readers.
local readers, writers, waiting, writing = 0, 0, 0, false

local function begin_read()
  monitor_enter("library")
  while writing or waiting > 0 do cond_wait("may read", "library") end
  readers = readers + 1
  monitor_leave("library")
end
local function end_read()
  monitor_enter("library")
  readers = readers - 1
  if readers == 0 then cond_signal("may write") end
  monitor_leave("library")
end
local function begin_write()
  monitor_enter("library")
  waiting = waiting + 1
  while writing or readers > 0 do cond_wait("may write", "library") end
  waiting, writing = waiting - 1, true
  monitor_leave("library")
end
local function end_write()
  monitor_enter("library")
  writing = false
  if waiting > 0 then cond_signal("may write") else cond_broadcast("may read") end
  monitor_leave("library")
end

local value, most, together, threads = 0, 0, 0, {}
for i = 1, 6 do
  threads[#threads + 1] = thread(function()
    for n = 1, 5 do
      begin_read()
      together = together + 1
      if together > most then most = together end
      compute(math.random(1, 5))
      together = together - 1
      end_read()
      sleep(math.random(1, 20))
    end
  end)
end
for i = 1, 2 do
  threads[#threads + 1] = thread(function()
    for n = 1, 5 do
      begin_write()
      local before = value
      compute(3)
      value = before + 1
      end_write()
      sleep(math.random(5, 30))
    end
  end)
end
for _, each in ipairs(threads) do join(each) end
print("written " .. value .. " times, up to " .. most .. " readers at a time")
