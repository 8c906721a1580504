-- A batch system: the length of each job is known, and so many may run at a time. First they start in the order in which they
-- came, then the shortest first: compare how long they wait.
local at_once = tonumber(arg[1] or "2")
local jobs = {}
for i = 1, 8 do jobs[i] = { name = "job" .. i, length = math.random(10, 100) } end

local function run(rule)
  local running, waited, order, begin = 0, 0, {}, now()
  for _, job in ipairs(jobs) do
    if running == at_once then
      wait()
      running = running - 1
    end
    waited = waited + (now() - begin)
    order[#order + 1] = job.name .. "(" .. job.length .. ")"
    fork(function() compute(job.length) end)
    running = running + 1
  end
  while wait() do end
  print(string.format("%s: %s", rule, table.concat(order, " ")))
  print(string.format("  mean time until a job began: %.1f ms, all done after %.1f ms", waited / #jobs, now() - begin))
end

run("as they came")
table.sort(jobs, function(a, b)
  if a.length ~= b.length then return a.length < b.length end
  return a.name < b.name
end)
run("shortest first")
