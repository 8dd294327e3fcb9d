//! Layers as single operations on burn's tape, for its CPU back-end.
//!
//! ```text
//! Tensor ─► Dispatch ─► Fused for Autodiff<Flex> ─► one node: forward saves what backward reads ─► Tensor
//! ```
//!
//! # Invariants
//! - Every kernel is single-threaded and sums in one fixed order, so the same machine gives the same bits.
//! - A kernel's gradient is that of the same name in [`super::composed`]; a test holds each against it.
//!
//! # Why
//! Profiles of the composed graph show most time in elementwise passes and their allocations, not in products. A layer
//! as one node reads its input once and writes its output once; burn still owns the tape, the products and the devices.

mod activation;
mod attention;
mod cross_entropy;
mod distil;
mod int8;
mod linear;
mod lookup;
mod mask;
mod norm;
mod product;
mod select;

use core::fmt::Debug;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Tensor, TensorData};

pub(super) use activation::Activate;
pub(super) use attention::Attend;
pub(super) use cross_entropy::CrossEntropy;
pub(super) use distil::Distil;
pub(super) use int8::Int8;
pub(super) use linear::Linear;
pub(super) use lookup::{AddRows, Embed};
pub(super) use mask::Mask;
pub(super) use norm::Norm;
pub(super) use select::TopK;

/// One layer: `N` tensors in, one out, and the gradient of each input.
pub(super) trait Kernel<const N: usize>: Debug + Send + Sync {
    /// The output, and what the backward pass will read.
    fn forward(&self, inputs: [FlexTensor; N]) -> (FlexTensor, Vec<FlexTensor>);

    /// Gradients of the inputs from the gradient of the output.
    fn backward(&self, saved: &[FlexTensor], grad: FlexTensor) -> [FlexTensor; N];
}

type Shared<const N: usize> = Arc<dyn Kernel<N>>;

#[backend_extension(Flex, Autodiff)]
pub(super) trait Fused: Backend {
    fn fused1(kernel: Shared<1>, a: FloatTensor<Self>) -> FloatTensor<Self>;
    fn fused2(kernel: Shared<2>, a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
    fn fused3(
        kernel: Shared<3>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    fn fused4(
        kernel: Shared<4>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl Fused for Flex {
    fn fused1(kernel: Shared<1>, a: FlexTensor) -> FlexTensor {
        kernel.forward([a]).0
    }
    fn fused2(kernel: Shared<2>, a: FlexTensor, b: FlexTensor) -> FlexTensor {
        kernel.forward([a, b]).0
    }
    fn fused3(kernel: Shared<3>, a: FlexTensor, b: FlexTensor, c: FlexTensor) -> FlexTensor {
        kernel.forward([a, b, c]).0
    }
    fn fused4(
        kernel: Shared<4>,
        a: FlexTensor,
        b: FlexTensor,
        c: FlexTensor,
        d: FlexTensor,
    ) -> FlexTensor {
        kernel.forward([a, b, c, d]).0
    }
}

impl<C: CheckpointStrategy> Fused for Autodiff<Flex, C> {
    fn fused1(kernel: Shared<1>, a: FloatTensor<Self>) -> FloatTensor<Self> {
        record::<1, C>(kernel, [a])
    }
    fn fused2(kernel: Shared<2>, a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        record::<2, C>(kernel, [a, b])
    }
    fn fused3(
        kernel: Shared<3>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        record::<3, C>(kernel, [a, b, c])
    }
    fn fused4(
        kernel: Shared<4>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        record::<4, C>(kernel, [a, b, c, d])
    }
}

#[derive(Debug)]
struct Node;

impl<const N: usize> Backward<Flex, N> for Node {
    type State = (Shared<N>, Vec<FlexTensor>);

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<Flex>(&ops.node);
        let (kernel, saved) = ops.state;
        let inputs = kernel.backward(&saved, grad);
        for (parent, grad) in ops.parents.into_iter().zip(inputs) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, grad);
            }
        }
    }
}

/// Runs a kernel and puts it on the tape, if any input is on it.
fn record<const N: usize, C: CheckpointStrategy>(
    kernel: Shared<N>,
    inputs: [FloatTensor<Autodiff<Flex, C>>; N],
) -> FloatTensor<Autodiff<Flex, C>> {
    let prepared = Node
        .prepare::<C>(inputs.each_ref().map(|input| input.node()))
        .compute_bound()
        .stateful();
    let (output, saved) = kernel.forward(inputs.map(|input| input.into_primitive()));
    match prepared {
        OpsKind::Tracked(tape) => tape.finish((kernel, saved), output),
        OpsKind::UnTracked(tape) => tape.finish(output),
    }
}

pub(super) fn run1(kernel: impl Kernel<1> + 'static, a: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::fused1(Arc::new(kernel), a.into_dispatch()))
}

pub(super) fn run2(kernel: impl Kernel<2> + 'static, a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let (a, b) = (a.into_dispatch(), b.into_dispatch());
    Tensor::from_dispatch(Dispatch::fused2(Arc::new(kernel), a, b))
}

pub(super) fn run3(
    kernel: impl Kernel<3> + 'static,
    a: Tensor<2>,
    b: Tensor<2>,
    c: Tensor<2>,
) -> Tensor<2> {
    let (a, b, c) = (a.into_dispatch(), b.into_dispatch(), c.into_dispatch());
    Tensor::from_dispatch(Dispatch::fused3(Arc::new(kernel), a, b, c))
}

pub(super) fn run4(kernel: impl Kernel<4> + 'static, [a, b, c, d]: [Tensor<2>; 4]) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::fused4(
        Arc::new(kernel),
        a.into_dispatch(),
        b.into_dispatch(),
        c.into_dispatch(),
        d.into_dispatch(),
    ))
}

/// A row-major tensor over `values`.
fn tensor(values: Vec<f32>, [rows, cols]: [usize; 2]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, [rows, cols]))
}

/// The same values laid out row by row from the start of their storage.
fn plain(t: FlexTensor) -> FlexTensor {
    t.to_contiguous()
}

/// Row-major values of a tensor made by [`tensor`] or [`plain`].
fn values(t: &FlexTensor) -> &[f32] {
    let len = t.shape().num_elements();
    &t.storage::<f32>()[..len]
}

/// `[rows, cols]` of a matrix.
fn sides(t: &FlexTensor) -> [usize; 2] {
    let shape = t.shape();
    [shape[0], shape[1]]
}
