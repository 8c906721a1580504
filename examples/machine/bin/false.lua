-- false: does nothing, and ends with status 1.
exit(1)
