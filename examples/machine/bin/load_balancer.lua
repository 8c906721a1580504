-- Starts many jobs of different length, which the kernel's balancing spreads over the CPUs. With the argument "bound" all are
-- bound to CPU 0: compare how long they take.
local jobs = 24
local before = now()
for i = 1, jobs do
  fork(function()
    if arg[1] == "bound" then cpus(0) end
    for n = 1, 10 do
      compute(math.random(1, 20))
      if n % 4 == 0 then sleep(2) end
    end
  end)
end
for i = 1, jobs do wait() end
print(string.format("%d jobs took %.0f ms", jobs, now() - before))
