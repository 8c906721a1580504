-- Walks over memory again and again: touches a word in each page of as many KiB as its argument says, and says how long a
-- round took. If these are more pages than there are frames, each page is fetched again in each round: it thrashes.
local kib = tonumber(arg[1] or "1024")
local rounds = tonumber(arg[2] or "10")
local memory = mmap(kib * 1024)
local first, later = 0, 0
for round = 1, rounds do
  local before = now()
  for page = 0, kib // 4 - 1 do touch(memory + page * 4096, "w") end
  if round == 1 then first = now() - before else later = later + (now() - before) end
  compute(1)
end
print(string.format("%d pages: the first round took %.1f ms, a later one %.1f ms", kib // 4, first,
                    later / math.max(rounds - 1, 1)))
