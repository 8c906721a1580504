-- One process reads, another computes: how much of the CPU does the disk cost? Try device_mode = "programmed", "interrupt"
-- and "dma".
machine { device_mode = "interrupt" }
file { "/data", size = 2000000 }
process { "scan", program = "../bin/disk_scan.lua" }
process { "hog", program = "../bin/hog.lua", arguments = { "300" } }
