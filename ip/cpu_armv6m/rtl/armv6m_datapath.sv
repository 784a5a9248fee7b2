// SPDX-License-Identifier: Apache-2.0
//
// Registers, operands, adder, shifter, multiplier, and what is written back.

module armv6m_datapath #(
  parameter bit FastMul = 1'b0  // Multiplier of one cycle; otherwise one bit for each cycle through the adder
) (
  input  logic        clk_i,         // Clock
  input  logic        ready_i,       // HREADY: nothing moves without it

  // From the decoder
  input  logic [3:0]  ra_i,          // Register A
  input  logic [3:0]  rb_i,          // Register B
  input  logic [3:0]  rd_i,          // Destination
  input  logic [1:0]  a_sel_i,       // First operand
  input  logic        b_imm_i,       // Second operand: imm_i instead of register B
  input  logic [31:0] imm_i,         // Immediate
  input  logic        invert_i,      // Subtract
  input  logic        carry_one_i,   // Carry in is 1
  input  logic        carry_flag_i,  // Carry in is the C flag
  input  logic [1:0]  logic_i,       // Logic operation
  input  logic [2:0]  extend_i,      // Extension or reversal
  input  logic        left_i,        // LSL
  input  logic        rotate_i,      // ROR
  input  logic        arith_i,       // ASR
  input  logic        amount_imm_i,  // Shift by amount_i
  input  logic [7:0]  amount_i,      // Shift amount
  input  logic [2:0]  result_i,      // What to write
  input  logic        multiply_i,    // MULS
  input  logic [7:0]  sysm_i,        // Special register of MRS and MSR
  input  logic        msr_i,         // MSR

  // From the control
  input  logic [3:0]  state_i,       // State
  input  logic [4:0]  count_i,       // Beat, or bit of a multiplication
  input  logic        data_i,        // A data access is in its data phase
  input  logic [3:0]  reg_i,         // Its register
  input  logic        keep_i,        // Keep the sum in the address register
  input  logic        base_i,        // The address is register A
  input  logic        frame_i,       // Clear bit 2 of the sum
  input  logic        write_i,       // Write a register
  input  logic        write_load_i,  // The loaded word
  input  logic        write_link_i,  // EXC_RETURN
  input  logic        write_sum_i,   // The sum
  input  logic        write_reg_i,   // To reg_i
  input  logic        write_sp_i,    // To the stack pointer
  input  logic        write_lr_i,    // To LR
  input  logic [1:0]  ret_i,         // EXC_RETURN bits 3:2
  input  logic [5:0]  vector_i,      // Number of the vector to read
  input  logic        align_i,       // Bit 9 of the stacked xPSR

  // Values
  input  logic [31:1] pc_i,          // Address of the instruction
  input  logic [31:1] pc4_i,         // PC as an operand
  input  logic [31:1] next_i,        // Address of the next instruction
  input  logic [31:8] vtor_i,        // Vector table
  input  logic [31:0] load_i,        // Loaded word
  input  logic [31:0] special_i,     // MRS
  input  logic [3:0]  nzcv_i,        // Flags
  input  logic        thumb_i,       // T flag
  input  logic [5:0]  ipsr_i,        // Exception number
  input  logic        psp_i,         // The stack pointer is PSP
  output logic [3:0]  nzcv_o,        // Flags of the result
  output logic [31:0] sum_o,         // Sum
  output logic [31:0] addr_o,        // Address
  output logic [19:0] addr_data_o,   // Address of the data phase
  output logic [31:0] a_o,           // Register A: value of MSR
  output logic [31:0] store_o        // Register to store
);

  logic [3:0]  index_a, index_b, index_w;
  logic [31:0] file_a, file_b, reg_a, reg_b;
  logic [31:0] a, b, sum, addr_q;
  logic        invert, carry_in;
  logic        sum_c, sum_v, shift_c, shifting;
  logic [31:0] logic_word, extend_word, shift_word, product, result;
  logic [31:0] write_data;
  logic        executing, stacking, write;
  logic        mul_bit;

  assign executing = state_i == armv6m_pkg::StExecute;
  assign stacking  = (state_i == armv6m_pkg::StStack) | (state_i == armv6m_pkg::StVector);

  ///////////////
  // Registers //
  ///////////////

  // Number 13 of an instruction is MSP (13) or PSP (15) of the file; 15 is the program counter.
  logic [3:0] sp;
  logic       use_sp;  // Stacking and unstacking start at the stack pointer

  assign sp      = {2'b11, psp_i, 1'b1};
  assign use_sp  = (state_i == armv6m_pkg::StStack) | (state_i == armv6m_pkg::StUnstack);
  assign index_a = (use_sp | (ra_i == 4'd13)) ? sp : ra_i;

  always_comb begin
    index_b = rb_i;
    if (data_i) begin
      index_b = reg_i;
    end else if (result_i == armv6m_pkg::RSpecial) begin
      index_b = {2'b11, sysm_i[0], 1'b1};
    end else if (rb_i == 4'd13) begin
      index_b = sp;
    end
  end

  always_comb begin
    index_w = (rd_i == 4'd13) ? sp : rd_i;
    if (write_sp_i) begin
      index_w = sp;
    end else if (write_lr_i) begin
      index_w = 4'd14;
    end else if (write_reg_i) begin
      index_w = (reg_i == 4'd13) ? sp : reg_i;
    end else if (executing & msr_i) begin
      index_w = {2'b11, sysm_i[0], 1'b1};
    end
  end

  assign write = write_i | (executing & msr_i & (sysm_i[7:1] == 7'd4));

  armv6m_regfile i_regfile (
    .clk_i     ( clk_i           ),
    .we_i      ( write & ready_i ),
    .waddr_i   ( index_w         ),
    .wdata_i   ( write_data      ),
    .raddr_a_i ( index_a         ),
    .rdata_a_o ( file_a          ),
    .raddr_b_i ( index_b         ),
    .rdata_b_o ( file_b          )
  );

  assign reg_a = (~use_sp & (ra_i == 4'd15)) ? {pc4_i, 1'b0} : file_a;
  assign reg_b = (rb_i == 4'd15) ? {pc4_i, 1'b0} : file_b;
  assign a_o   = file_a;

  //////////////
  // Operands //
  //////////////

  assign mul_bit = reg_a[5'd31 - count_i];

  always_comb begin
    a        = reg_a;
    b        = 32'd4;
    invert   = 1'b0;
    carry_in = 1'b0;
    case (state_i)
      armv6m_pkg::StExecute: begin
        case (a_sel_i)
          armv6m_pkg::AZero: a = 32'd0;
          armv6m_pkg::AWord: a = {reg_a[31:2], 2'b00};
          default:           a = reg_a;
        endcase
        b        = b_imm_i ? imm_i : reg_b;
        invert   = invert_i;
        carry_in = carry_one_i | (carry_flag_i & nzcv_i[1]);
        if (multiply_i & !FastMul) begin
          a = 32'd0;
          b = reg_b & {32{mul_bit}};
        end
      end
      armv6m_pkg::StMultiply: begin
        a = {addr_q[30:0], 1'b0};
        b = reg_b & {32{mul_bit}};
      end
      armv6m_pkg::StRestore: begin  // Opposite of the write-back
        b        = imm_i;
        invert   = ~invert_i;
        carry_in = ~invert_i;
      end
      armv6m_pkg::StStack: begin
        if (count_i == 5'd0) begin
          b = 32'hFFFF_FFE0;
        end else begin
          a = addr_q;
        end
      end
      armv6m_pkg::StUnstack: begin
        if (count_i == 5'd0) begin
          b = 32'd0;
        end else begin
          a = addr_q;
        end
      end
      armv6m_pkg::StReset, armv6m_pkg::StResetPc, armv6m_pkg::StVector: begin
        a = {vtor_i, 8'd0};
        b = {24'd0, vector_i, 2'b00};
      end
      default: a = addr_q;
    endcase
  end

  armv6m_alu i_alu (
    .a_i        ( a           ),
    .b_i        ( b           ),
    .invert_i   ( invert      ),
    .carry_i    ( carry_in    ),
    .logic_i    ( logic_i     ),
    .extend_i   ( extend_i    ),
    .sum_o      ( sum         ),
    .carry_o    ( sum_c       ),
    .overflow_o ( sum_v       ),
    .logic_o    ( logic_word  ),
    .extend_o   ( extend_word )
  );

  // A shift by a register takes its amount from register B, one by an immediate its value from register A, too.
  armv6m_shifter i_shifter (
    .value_i  ( reg_a                                  ),
    .amount_i ( amount_imm_i ? amount_i : reg_b[7:0]   ),
    .left_i   ( left_i                                 ),
    .rotate_i ( rotate_i                               ),
    .sign_i   ( arith_i                                ),
    .carry_i  ( nzcv_i[1]                              ),
    .result_o ( shift_word                             ),
    .carry_o  ( shift_c                                )
  );

  if (FastMul) begin : gen_fast
    assign product = reg_a * reg_b;
  end else begin : gen_small
    assign product = sum;
  end

  // The sum is an address, and the sum so far of a multiplication.
  assign sum_o = sum;
  always_comb begin
    addr_o = base_i ? reg_a : sum;
    if (frame_i) begin
      addr_o[2] = 1'b0;
    end
  end
  assign addr_data_o = addr_q[19:0];

  always_ff @(posedge clk_i) begin
    if (ready_i & keep_i) begin
      addr_q <= addr_o;
    end
  end

  ////////////
  // Result //
  ////////////

  assign shifting = result_i == armv6m_pkg::RShift;

  always_comb begin
    case (result_i)
      armv6m_pkg::RLogic:   result = logic_word;
      armv6m_pkg::RShift:   result = shift_word;
      armv6m_pkg::RExtend:  result = extend_word;
      armv6m_pkg::RProduct: result = product;
      armv6m_pkg::RSpecial: result = (sysm_i[7:1] == 7'd4) ? file_b : special_i;
      armv6m_pkg::RLink:    result = {next_i, 1'b1};
      default:              result = sum;
    endcase
  end

  assign nzcv_o = {result[31], result == 32'd0, shifting ? shift_c : sum_c, sum_v};

  always_comb begin
    write_data = result;
    if (write_load_i) begin
      write_data = load_i;
    end else if (write_link_i) begin
      write_data = {28'hFFF_FFFF, ret_i, 2'b01};
    end else if (write_sum_i) begin
      write_data    = sum;
      write_data[2] = (sum[2] & ~frame_i) | ((state_i == armv6m_pkg::StUnstack) & load_i[9]);
    end else if (executing & msr_i) begin
      write_data = file_a;
    end
  end

  always_comb begin
    store_o = file_b;
    if (stacking & (reg_i == 4'd15)) begin
      store_o = {pc_i, 1'b0};
    end else if (stacking & (reg_i == 4'd13)) begin
      store_o = {nzcv_i, 3'd0, thumb_i, 14'd0, align_i, 3'd0, ipsr_i};
    end
  end

endmodule
