/* Each source of this folder but team.c and door.c is compiled once for each kind of processor, with KERNELS as its
   name, and all lie in one library: a name that is not of one file only ends in it. */
#ifndef LOCALRANK_VARIANT_H
#define LOCALRANK_VARIANT_H

#define NAMED_AS(name, variant) name##_##variant
#define NAMED_BY(name, variant) NAMED_AS(name, variant)
#define NAMED(name) NAMED_BY(name, KERNELS)

#define attend NAMED(attend)
#define attention_room NAMED(attention_room)
#define encoder_free NAMED(encoder_free)
#define encoder_new NAMED(encoder_new)
#define extent_of NAMED(extent_of)
#define find_large NAMED(find_large)
#define float_sums NAMED(float_sums)
#define float_product NAMED(float_product)
#define int8_sums NAMED(int8_sums)
#define multiply NAMED(multiply)
#define pack_float NAMED(pack_float)
#define pack_int8 NAMED(pack_int8)
#define take_own NAMED(take_own)
#define take_shared NAMED(take_shared)
#define widen NAMED(widen)

#endif
