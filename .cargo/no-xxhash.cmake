# Keeps libyang from finding a system xxhash, whatever this machine has installed.
set(CMAKE_DISABLE_FIND_PACKAGE_XXHash ON)
