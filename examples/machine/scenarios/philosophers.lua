-- Five philosophers deadlock; change `deadlock` to none, ordering, detection or recovery.
machine { deadlock = "recovery", policy = "rr", quantum = 10 }
process { "philosophers", program = "../bin/philosophers.lua" }
