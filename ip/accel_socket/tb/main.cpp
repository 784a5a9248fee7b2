// SPDX-License-Identifier: Apache-2.0
//
// Testbench of top `accel`: one executable, two runs; the answer is one line of JSON.
//
//   sim VECTORS SEED vectors COUNT MAX_CYCLES irq|poll [+plusargs of the design]
//   sim VECTORS SEED protocol TRANSFERS CYCLES COUNTER_MAX [+plusargs of the design]

#include "accel_socket.h"
#include "ahb_lite.hpp"
#include "protocol.hpp"
#include "vectors.hpp"

int main(int argc, char** argv) {
    if (argc < 7) return 2;
    const ahb::Vectors v(argv[1]);
    const int seed = atoi(argv[2]);
    const std::string kind = argv[3];
    const uint64_t count = strtoull(argv[4], nullptr, 10);
    const uint64_t cycles = strtoull(argv[5], nullptr, 10);

    ahb::Dut dut(argc, argv, seed);
    if (kind == "vectors") {
        vectors::run(dut, v, uint32_t(count), cycles, std::string(argv[6]) == "poll");
    } else {
        protocol::Bench bench(dut, v, seed, cycles, uint32_t(strtoul(argv[6], nullptr, 10)));
        bench.run(count);
        bench.print();
    }
    return 0;
}
