#!/bin/sh
# Programs that are built with CMake: find_package(libdill).
# time limit: 60
. "$(dirname "$0")/install/prefix.sh"
command -v cmake > /dev/null || skip "cmake is not installed"

mkdir "$work/project"
cp "$work/prog.c" "$work/project"
cat > "$work/project/CMakeLists.txt" << 'END'
cmake_minimum_required(VERSION 3.5)
project(prog LANGUAGES C)
find_package(libdill 1.6 REQUIRED CONFIG)
find_package(libdill REQUIRED)
add_executable(shared prog.c)
target_link_libraries(shared libdill::dill)
add_executable(static prog.c)
target_link_libraries(static libdill::dill_static)
add_executable(variables prog.c)
target_include_directories(variables PRIVATE ${LIBDILL_INCLUDE_DIRS})
target_link_libraries(variables ${LIBDILL_LIBRARIES})
END

# project LIBRARY OPTION...: configures, builds and runs it.
project() {
    library=$1
    shift
    rm -rf "$work/build"
    cmake -S "$work/project" -B "$work/build" "$@" > "$work/cmake.log" 2>&1 ||
        fail "cmake $* has failed"
    grep -i warning "$work/cmake.log" && fail "cmake warns"
    cmake --build "$work/build" > "$work/build.log" 2>&1 || fail "the build has failed"
    runs "shared" "$library" "$work/build/shared"
    runs "static" "" "$work/build/static"
    runs "variables" "$library" "$work/build/variables"
}

install_make install PREFIX="$prefix"
project "$prefix/lib" -DCMAKE_PREFIX_PATH="$prefix"

# Versions: as old as one likes, but none that is yet to come.
sed 's/libdill 1.6/libdill 2.14 EXACT/' "$work/project/CMakeLists.txt" > "$work/new"
mv "$work/new" "$work/project/CMakeLists.txt"
project "$prefix/lib" -DCMAKE_PREFIX_PATH="$prefix"
mkdir "$work/future"
sed 's/libdill 2.14 EXACT/libdill 99.0/' "$work/project/CMakeLists.txt" > "$work/future/CMakeLists.txt"
cp "$work/prog.c" "$work/future"
if cmake -S "$work/future" -B "$work/build2" -DCMAKE_PREFIX_PATH="$prefix" > "$work/cmake.log" 2>&1; then
    fail "version 99.0 was found"
fi

# Elsewhere than where it was installed, and with directories of one's own choice.
mv "$prefix" "$work/moved"
project "$work/moved/lib" -DCMAKE_PREFIX_PATH="$work/moved"
install_make install PREFIX="$prefix" LIBDIR="$prefix/lib64" INCLUDEDIR="$prefix/include/dill"
project "$prefix/lib64" -Dlibdill_DIR="$prefix/lib64/cmake/libdill"

# A broken installation is not found.
rm "$prefix/lib64/libdill.a"
rm -rf "$work/build"
if cmake -S "$work/project" -B "$work/build" -Dlibdill_DIR="$prefix/lib64/cmake/libdill" \
        > "$work/cmake.log" 2>&1; then
    fail "a library that is not there was found"
fi
# It breaks lines where it likes.
tr -s ' \n' ' ' < "$work/cmake.log" | grep -q "libdill.a is missing" ||
    fail "cmake doesn't say what is missing"
