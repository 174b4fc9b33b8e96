# How every target is compiled: language level, warnings, sanitizers, release hardening
# (the flags of reference/reliability.md section 3.5, checked with gcc 12 and clang 14).
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")

add_library(tiphys_flags INTERFACE)
target_include_directories(tiphys_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(tiphys_flags INTERFACE _GNU_SOURCE TIPHYS_VERSION="${PROJECT_VERSION}")
target_compile_options(tiphys_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wundef
  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wold-style-definition -Wimplicit-fallthrough
  -Wno-missing-field-initializers -fno-common -fno-strict-aliasing)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(tiphys_flags INTERFACE -Wlogical-op -Wduplicated-cond -Wno-cast-qual -Wno-override-init)
else()
  # string-concatenation: clang-format breaks long texts inside of lists; fallthrough: uthash.h; gcc, which passes over macros of system headers, still checks our switches
  target_compile_options(tiphys_flags INTERFACE -Wno-cast-qual -Wno-initializer-overrides
                         -Wno-gnu-zero-variadic-macro-arguments -Wno-implicit-fallthrough
                         -Wno-string-concatenation)
endif()
if(TIPHYS_WERROR)
  target_compile_options(tiphys_flags INTERFACE -Werror)
endif()

# A hundred test programs link on each change of common/: mold makes that a tenth of the time. A release links with ld.
find_program(TIPHYS_MOLD mold)
if(TIPHYS_MOLD AND NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  target_link_options(tiphys_flags INTERFACE -fuse-ld=mold)
endif()

# A program loads only the shared libraries that the objects in it need.
target_link_options(tiphys_flags INTERFACE -Wl,--as-needed)

if(TIPHYS_SANITIZE)
  target_compile_options(tiphys_flags INTERFACE -fsanitize=${TIPHYS_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=undefined)
  string(REPLACE ",fuzzer-no-link" "" link_sanitize "${TIPHYS_SANITIZE}")
  target_link_options(tiphys_flags INTERFACE -fsanitize=${link_sanitize})
endif()
if(TIPHYS_COVERAGE)
  target_compile_options(tiphys_flags INTERFACE --coverage)
  target_link_options(tiphys_flags INTERFACE --coverage)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(tiphys_flags INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
    -fcf-protection=full -fno-delete-null-pointer-checks -fwrapv)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(tiphys_flags INTERFACE -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr)
  endif()
  target_link_options(tiphys_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
endif()

# tiphys_folders(dir...): add each folder that has content.
macro(tiphys_folders)
  foreach(dir ${ARGN})
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/CMakeLists.txt)
      add_subdirectory(${dir})
    endif()
  endforeach()
endmacro()

# tiphys_library(name SOURCES a.c ... LINKS other libs...): the static library of one folder.
function(tiphys_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC tiphys_flags ${arg_LINKS} PRIVATE ${arg_PRIVATE_LINKS})
endfunction()

# tiphys_program(name SOURCES main.c LINKS libs...): a program under build/<preset>/bin.
function(tiphys_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE tiphys_flags ${arg_LINKS})
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

# tiphys_unit(name SOURCES test_x.c LINKS libs...): a cmocka program, one ctest entry, labelled "unit".
function(tiphys_unit name)
  if(NOT TIPHYS_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE tiphys_flags ${arg_LINKS} PkgConfig::CMOCKA)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set(patience 120)
  if(TIPHYS_SANITIZE)
    set(patience 600) # seconds; ten times slower
  endif()
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT ${patience}
    ENVIRONMENT "ASAN_OPTIONS=handle_segv=2:detect_leaks=1;UBSAN_OPTIONS=print_stacktrace=1")
endfunction()
