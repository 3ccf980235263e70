# Copies of some of the project's files, with a patch applied: for planted bugs (tests/bugs) and for disks that mask (tests/masks).
include_guard(GLOBAL)
find_program(KAYA_PATCH patch)

# Copy the files of `room` that the patch names to `to`; all of them if one is a header. An object that is linked by itself keeps
# the archive's member of the same names out.
function(kaya_copy_patched patch room to sources)
  file(STRINGS ${patch} touched REGEX "^\\+\\+\\+ b/${room}/[^/]*$")
  list(TRANSFORM touched REPLACE "^\\+\\+\\+ b/([^\t ]*).*" "\\1")
  if(touched MATCHES "\\.h(;|$)")
    file(GLOB touched RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${room}/*.[ch])
  endif()
  foreach(file IN LISTS touched)
    if(EXISTS ${PROJECT_SOURCE_DIR}/${file})
      configure_file(${PROJECT_SOURCE_DIR}/${file} ${to}/${file} COPYONLY) # changed files are patched anew
    endif()
  endforeach()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${patch})
  list(FILTER touched INCLUDE REGEX "\\.c$")
  set(${sources} ${touched} PARENT_SCOPE)
endfunction()

# Patch what was copied to `fresh`, and put it to `copy`; what did not change keeps its time there, and is not compiled again.
function(kaya_apply_patch patch fresh copy failed)
  execute_process(COMMAND ${KAYA_PATCH} --quiet --strip=1 --fuzz=0 --no-backup-if-mismatch --input=${patch}
    WORKING_DIRECTORY ${fresh} RESULT_VARIABLE result OUTPUT_VARIABLE why ERROR_VARIABLE why)
  set(${failed} ${result} PARENT_SCOPE)
  if(result)
    message(WARNING "${patch} no longer applies, and its test fails:\n${why}")
    return()
  endif()
  file(GLOB_RECURSE patched RELATIVE ${fresh} ${fresh}/*)
  foreach(file IN LISTS patched)
    get_filename_component(folder ${copy}/${file} DIRECTORY)
    file(MAKE_DIRECTORY ${folder})
    file(COPY_FILE ${fresh}/${file} ${copy}/${file} ONLY_IF_DIFFERENT)
  endforeach()
endfunction()
