-- Eight CPUs, and more jobs than that: the kernel's balancing spreads them.
machine { cpus = 8 }
process { "jobs", program = "../bin/load_balancer.lua" }
