# Read by CPack for each generator.
if(CPACK_GENERATOR STREQUAL "DEB")
  set(CPACK_COMPONENTS_ALL common deb)
  # CPack would only warn, and make a package that depends on no library.
  foreach(needed dpkg-shlibdeps file)
    find_program(FOUND_${needed} ${needed})
    if(NOT FOUND_${needed})
      message(FATAL_ERROR "${needed} is not installed: without it the package would not tell which libraries it needs")
    endif()
  endforeach()
elseif(CPACK_GENERATOR STREQUAL "RPM")
  set(CPACK_COMPONENTS_ALL common rpm)
  set(CPACK_STRIP_FILES OFF) # the bundle is stripped, and holds libraries as Debian built them
endif()
