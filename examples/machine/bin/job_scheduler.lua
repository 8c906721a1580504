-- A batch system: jobs with a length that is known, of which so many may run at a time; the
-- shortest is started first.
local at_once = tonumber(arg[1] or "2")
local jobs = {}
for i = 1, 8 do jobs[i] = { name = "job" .. i, length = math.random(10, 100) } end
table.sort(jobs, function(a, b)
  if a.length ~= b.length then return a.length < b.length end
  return a.name < b.name
end)
local running, names, waited = 0, {}, 0
local begin = now()
for _, job in ipairs(jobs) do
  if running == at_once then
    names[wait()] = nil
    running = running - 1
  end
  waited = waited + (now() - begin)
  local pid = fork(function() compute(job.length) end)
  names[pid] = job.name
  running = running + 1
end
while wait() do end
print(string.format("mean time until a job began: %.1f ms", waited / #jobs))
