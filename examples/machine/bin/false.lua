-- false: nothing, with status 1.
exit(1)
