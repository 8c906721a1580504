-- Walks over memory again and again: touches a word of each page of as many KiB as its argument
-- says. With more than there are frames it thrashes.
local kib = tonumber(arg[1] or "1024")
local rounds = tonumber(arg[2] or "10")
local memory = mmap(kib * 1024)
for round = 1, rounds do
  for page = 0, kib // 4 - 1 do touch(memory + page * 4096, "w") end
  compute(1)
end
