// SPDX-License-Identifier: Apache-2.0
//
// Runs inferences on a Verilator model of accel_engine.
//
// usage: sim INPUT OUTPUT [WEIGHTS]
// INPUT:  n * n_in elements, OUTPUT: n * n_out elements; 64-bit little-endian words.
// WEIGHTS: words of an image of reloadable weights, 32 bits each.
// Macros: RELOADABLE (the engine has such weights), N_IN, N_OUT. Prints: inferences, cycles from start to done (of the last), processor seconds.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "Vaccel_engine.h"
#include "verilated.h"

static Vaccel_engine dut;

static void clock_edge() {
    dut.clk_i = 0;
    dut.eval();
    dut.clk_i = 1;
    dut.eval();
}

static void reset() {
#if RELOADABLE
    dut.load_clear_i = 0;
    dut.load_we_i = 0;
#endif
    dut.rst_ni = 1;
    dut.in_we_i = 0;
    dut.start_i = 0;
    dut.clk_i = 0;
    dut.eval();
    dut.rst_ni = 0;
    dut.eval();
    clock_edge();
    dut.rst_ni = 1;
    clock_edge();
}

// Write an image; false when the engine does not take it whole.
static bool load(const char *path) {
#if RELOADABLE
    std::FILE *file = std::fopen(path, "rb");
    if (!file) return false;
    uint32_t word;
    bool early = false;
    dut.load_we_i = 1;
    while (std::fread(&word, sizeof word, 1, file) == 1) {
        early |= dut.loaded_o;
        dut.load_data_i = word;
        clock_edge();
    }
    dut.load_we_i = 0;
    std::fclose(file);
    return dut.loaded_o && !early;
#else
    return path == nullptr;
#endif
}

// One inference; returns the cycles from the one with start_i to the one with done_o.
static long infer(const uint64_t *input, uint64_t *output) {
    dut.in_we_i = 1;
    for (int i = 0; i < N_IN; i++) {
        dut.in_addr_i = i;
        dut.in_data_i = input[i];
        clock_edge();
    }
    dut.in_we_i = 0;
    dut.start_i = 1;
    clock_edge();
    dut.start_i = 0;
    long cycles = 1;
    while (!dut.done_o) {
        clock_edge();
        if (++cycles > 100000000) {
            std::fprintf(stderr, "no done_o after %ld cycles\n", cycles);
            std::exit(1);
        }
    }
    for (int i = 0; i < N_OUT; i++) {
        dut.out_addr_i = i;
        dut.eval();
        output[i] = dut.out_data_o;
    }
    return cycles;
}

int main(int argc, char **argv) {
    if (argc != (RELOADABLE ? 4 : 3)) return 2;
    FILE *in = std::fopen(argv[1], "rb");
    FILE *out = std::fopen(argv[2], "wb");
    if (!in || !out) return 2;
    std::vector<uint64_t> input(N_IN), output(N_OUT);
    reset();
    if (!load(RELOADABLE ? argv[3] : nullptr)) {
        std::fprintf(stderr, "the engine does not take the weights");
        return 1;
    }
    long count = 0, cycles = 0;
    std::clock_t begin = std::clock();
    while (std::fread(input.data(), sizeof(uint64_t), N_IN, in) == N_IN) {
        cycles = infer(input.data(), output.data());
        if (std::fwrite(output.data(), sizeof(uint64_t), N_OUT, out) != N_OUT) return 2;
        count++;
    }
    double seconds = double(std::clock() - begin) / CLOCKS_PER_SEC;
    if (std::fclose(out) != 0) return 2;
    std::printf("%ld %ld %.6f\n", count, cycles, seconds);
    return 0;
}
