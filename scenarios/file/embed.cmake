# cmake -DOUTPUT=FILE.c -DINPUTS="a.yaml;b.yaml" -P embed.cmake: the scenarios' files as a table in C, so that the
# program knows them wherever it is run.
set(table "")
set(texts "")
set(index 0)
foreach(input IN LISTS INPUTS)
  get_filename_component(name ${input} NAME)
  file(READ ${input} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(APPEND texts "static const char text_${index}[] = {${bytes}0};\n")
  string(APPEND table "    {\"${name}\", text_${index}, sizeof text_${index} - 1},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT}.new "/* Made by embed.cmake. */
#include \"kaya/scenarios/scenario_file.h\"

${texts}
static const struct kaya_scenario_text texts[] = {
${table}};

const struct kaya_scenario_text *kaya_scenario_texts(size_t *count)
{
    *count = sizeof texts / sizeof texts[0];
    return texts;
}
")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
