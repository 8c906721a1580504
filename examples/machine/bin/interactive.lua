-- Behaves like a person at a keyboard: thinks, then wants a short answer at once. Says how long answers took.
local rounds = tonumber(arg[1] or "50")
local longest, sum = 0, 0
for i = 1, rounds do
  sleep(math.random(50, 150))
  local before = now()
  compute(math.random(1, 4))
  local took = now() - before
  sum = sum + took
  if took > longest then longest = took end
end
print(string.format("mean answer %.1f ms, longest %.1f ms", sum / rounds, longest))
