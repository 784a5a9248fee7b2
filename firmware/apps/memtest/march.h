/* SPDX-License-Identifier: Apache-2.0
 * March C-: (w0) up(r0,w1) up(r1,w0) down(r0,w1) down(r1,w0) (r0), from M. Marinescu, "Simple and efficient algorithms
 * for functional RAM testing", ITC 1982, as in A. van de Goor, "Testing Semiconductor Memories". Finds stuck bits,
 * transitions, wrong addresses and coupling between any two words. */
#ifndef ASICFLOW_MARCH_H
#define ASICFLOW_MARCH_H

#include <stdint.h>

struct march_result {
    uint32_t words;   /* tested */
    uint32_t errors;  /* reads that were wrong */
    uint32_t address; /* of the first */
    uint32_t expected, found;
};

/* Test the words from first up to, not including, end; adds to result. plant != 0 is the address of a word that is
 * changed on the way: the test must find it. */
void march(struct march_result *result, uint32_t first, uint32_t end, uint32_t plant);

#endif
