#ifndef CAIRN_DETECTORS_MODEL_NAME_H
#define CAIRN_DETECTORS_MODEL_NAME_H
/* The name of a checkpoint in tables and pictures: its file's without .safetensors, or its folder's where the file is
 * called model or checkpoint, as every stage's is (runs/demo/teacher/model.safetensors: teacher). Where the list has
 * another file of this name, as many folders stand in front as tell them apart (demo/teacher), or the file's name
 * behind (teacher/model).
 * out  name  at most 63 bytes
 * in   list  the paths that are compared, with commas, among them `path` */
void cairn_model_name(char name[64], const char *path, const char *list);
#endif
