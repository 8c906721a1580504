-- Three processes whose pages do not fit into memory together: load control stops one until there
-- is room. Set load_control = "off", and compare how long they take.
machine { memory = 80 * 4096, swap = 400 * 4096, table_levels = 2, replacement = "lru" }
process { "walker", program = "../bin/memory_walker.lua", arguments = { "160", "60" }, count = 3 }
