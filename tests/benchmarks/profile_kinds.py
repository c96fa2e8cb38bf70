# SPDX-License-Identifier: Apache-2.0
"""Whether profile_step.py knows what each kernel of a program does.

    nm -C PROGRAM | profile_kinds.py FOLDER_OF_PROFILE_STEP
"""

import re
import sys

sys.path.insert(0, sys.argv[1])
import profile_step  # noqa: E402

PACKING = "operands and results of products: packing, splitting, the maps of minimal filtering"
# One of each kind that a name could be mistaken for.
KNOWN = {
    "void nash::cpu::run_avx2<nash::cpu::Map<nash::Drop<float> > >(nash::cpu::Map<nash::Drop<float> > const&)": "random numbers and dropout",
    "void nash::cpu::run_avx512<nash::cpu::MatrixVector<float> >(nash::cpu::MatrixVector<float> const&)": "products of vectors",
    "void nash::cpu::run_avx2<nash::cpu::Map<nash::AdamUpdate<float> > >()": "the optimiser and the average",
    "void nash::cpu::run_avx2<nash::cpu::MapRows<nash::Normalize<float, nash::LeakyReluFunction<float> > > >()": "normalisation, with the activation after it",
    "nash::cpu::WindowProduct::split_filters(float const*)": PACKING,
    "nash::cpu::MatrixRows<float>::gather_panels(float*)": PACKING,
    "nash::Loader<float, nash::Cpu>::fill()": "data",
    "nash::cpu::FilteringProducts<float>::multiply_transposed(float const*, float*)": "products",
    "nash::StepPhases<nash::Sequential<nash::Dropout<float> >, nash::Adam>::run()": profile_step.REST,
}
wrong = [f"{name}: {profile_step.kind_of('step', name)} in the place of {kind}" for name, kind in KNOWN.items() if profile_step.kind_of("step", name) != kind]
functions = [found[1] for line in sys.stdin if (found := re.match(r"[0-9a-f]+ [tTwW] (?:void |bool )?(nash::cpu::.*)", line))]
unknown = [name for name in functions if profile_step.kind_of("step", name) == profile_step.REST]
for line in wrong + [f"of no kind: {name}" for name in unknown]:
    print(line)
print(f"{len(functions)} kernels")
sys.exit(1 if wrong or unknown or len(functions) < 50 else 0)
