-- A workload to compare policies on: spindle run mixed.lua --all-policies
machine { cpus = 2, policy = "cfs", quantum = 10, seed = 7 }
process { "hog", program = "../bin/hog.lua", arguments = { "1500" }, count = 3 }
process { "batch", program = "../bin/hog.lua", arguments = { "800" }, nice = 10 }
process { "person", program = "../bin/interactive.lua", arguments = { "20" }, count = 2 }
process { "scan", program = "../bin/disk_scan.lua", at = 100 }
file { "/data", size = 400000 }
