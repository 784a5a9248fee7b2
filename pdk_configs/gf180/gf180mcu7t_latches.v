// SPDX-License-Identifier: Apache-2.0
//
// Latches of GF180MCU's 7-track library; it has none that is open at a low enable.

module \$_DLATCH_P_ (input E, input D, output Q);
  gf180mcu_fd_sc_mcu7t5v0__latq_1 i_latch (.D(D), .E(E), .Q(Q));
endmodule

module \$_DLATCH_N_ (input E, input D, output Q);
  gf180mcu_fd_sc_mcu7t5v0__latq_1 i_latch (.D(D), .E(~E), .Q(Q));
endmodule
