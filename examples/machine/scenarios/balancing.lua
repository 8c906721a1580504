-- Eight CPUs and more jobs than that.
machine { cpus = 8 }
process { "jobs", program = "../bin/load_balancer.lua" }
