# cmake -DOUTPUT=FILE.c "-DSCENARIOS=a.yaml;b.yaml" "-DWORKLOADS=a.workload" -P embed.cmake: these files as tables in C, so
# that the program knows them wherever it is run.
set(texts "")
set(index 0)
set(functions "")
foreach(kind scenario workload)
  string(TOUPPER ${kind}S list)
  set(table "")
  foreach(input IN LISTS ${list})
    get_filename_component(name ${input} NAME)
    file(READ ${input} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(APPEND texts "static const char text_${index}[] = {${bytes}0};\n")
    string(APPEND table "    {\"${name}\", text_${index}, sizeof text_${index} - 1},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  string(APPEND functions "
static const struct kaya_scenario_text ${kind}s[] = {
${table}};

const struct kaya_scenario_text *kaya_${kind}_texts(size_t *count)
{
    *count = sizeof ${kind}s / sizeof ${kind}s[0];
    return ${kind}s;
}
")
endforeach()
file(WRITE ${OUTPUT}.new "/* Made by embed.cmake. */
#include \"kaya/scenarios/scenario_file.h\"

${texts}${functions}")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
