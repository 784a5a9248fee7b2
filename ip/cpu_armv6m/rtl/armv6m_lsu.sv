// SPDX-License-Identifier: Apache-2.0
//
// Lanes of a data access: alignment check, copies of a narrow store, extraction of a narrow load.

module armv6m_lsu (
  // Address phase
  input  logic [1:0]  size_i,       // 0 byte, 1 halfword, 2 word
  input  logic [1:0]  addr_i,       // Low address bits
  output logic        misaligned_o, // The address does not fit the size

  // Data phase
  input  logic [1:0]  d_size_i,     // Size
  input  logic [1:0]  d_addr_i,     // Low address bits
  input  logic        d_signed_i,   // Sign extension
  input  logic [31:0] store_i,      // Register to store
  output logic [31:0] store_o,      // On all lanes that may be used
  input  logic [31:0] load_i,       // Bus word
  output logic [31:0] load_o        // Register to load
);

  logic [15:0] half;
  logic [7:0]  octet;
  logic        sign;

  assign misaligned_o = (size_i[1] & (addr_i != 2'd0)) | (size_i[0] & addr_i[0]);

  always_comb begin
    case (d_size_i)
      2'd0:    store_o = {4{store_i[7:0]}};
      2'd1:    store_o = {2{store_i[15:0]}};
      default: store_o = store_i;
    endcase
  end

  assign half  = d_addr_i[1] ? load_i[31:16] : load_i[15:0];
  assign octet = d_addr_i[0] ? half[15:8] : half[7:0];

  // Addresses are aligned: the low byte and halfword of a wide access are those that the address chooses.
  assign sign          = d_signed_i & (d_size_i[0] ? half[15] : octet[7]);
  assign load_o[7:0]   = octet;
  assign load_o[15:8]  = (d_size_i == 2'd0) ? {8{sign}} : half[15:8];
  assign load_o[31:16] = d_size_i[1] ? load_i[31:16] : {16{sign}};

endmodule
