// SPDX-License-Identifier: Apache-2.0
//
// What a halfword says about operands if it becomes the current instruction: known a cycle before it is decoded, so
// that reading registers starts at flip-flops. A number is that of the register that the instruction reads, if it
// reads one; where it reads none, any register.

module armv6m_predecode (
  input  logic [15:0] first_i, // First halfword of an instruction
  output logic [3:0]  ra_o,    // Register A: 0 to 14, 15 is PC
  output logic        none_o,  // There is no register A: BX, BLX
  output logic [3:0]  rb_o     // Register B
);

  assign none_o = first_i[15:8] == 8'b0100_0111;

  always_comb begin
    case (first_i[15:12])
      4'h2, 4'h3, 4'hC: ra_o = {1'b0, first_i[10:8]};                          // 8-bit immediate; LDM, STM
      4'h4:             ra_o = first_i[11] ? 4'd15 :                           // LDR literal
                               {first_i[7] & first_i[10], first_i[2:0]};       // Data processing; high registers
      4'h9, 4'hB:       ra_o = 4'd13;                                          // Relative to SP; stack
      4'hA:             ra_o = first_i[11] ? 4'd13 : 4'd15;                    // ADD Rd, SP; ADR
      4'hD, 4'hE, 4'hF: ra_o = 4'd15;                                          // Branches
      default:          ra_o = {1'b0, first_i[5:3]};
    endcase
  end

  always_comb begin
    case (first_i[15:12])
      4'h4:    rb_o = first_i[10] ? first_i[6:3] : {1'b0, first_i[5:3]};       // High registers; data processing
      4'hB:    rb_o = {1'b0, first_i[5:3]};                                    // Extensions, reversals
      4'hF:    rb_o = first_i[6] ? 4'd13 : first_i[3:0];                       // MRS; MSR
      default: rb_o = {1'b0, first_i[8:6]};
    endcase
  end

endmodule
