-- Round robin with a quantum of 4 ms, as in textbooks: nothing has a cost, and all processes arrive at 0.
machine { policy = "rr", quantum = 4, costs = "none" }
process { "P1", burst = 24 }
process { "P2", burst = 3 }
process { "P3", burst = 3 }
