-- pwd: writes the present directory.
print(chdir())
