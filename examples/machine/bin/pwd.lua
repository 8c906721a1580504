-- pwd: the directory.
print(chdir())
