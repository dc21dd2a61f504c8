#ifndef CAIRN_TEACHER_LOSSES_H
#define CAIRN_TEACHER_LOSSES_H
/* The teacher's detector loss as a graph; the descriptors' are in descriptor_loss.h. */
#include "graph/graph.h"

/* 65-way cross-entropy, mean over valid cells of the batch, 0 if there is none (teacher.md 4.2).
 * logits [N,Hc,Wc,65]; labels [N,Hc,Wc,1] class 0..64; valid [N,Hc,Wc,1] 0 or 1 -> scalar */
cairn_tid cairn_detector_loss(cairn_graph *g, cairn_tid logits, cairn_tid labels, cairn_tid valid);
#endif
