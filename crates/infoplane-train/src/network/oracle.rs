//! The nonlinearities one number at a time in double precision: what the fast ones are tested against.

use super::Nonlinearity;

/// All but softmax.
pub(crate) const ELEMENTWISE: [Nonlinearity; 10] = [
    Nonlinearity::Linear,
    Nonlinearity::Tanh,
    Nonlinearity::Relu,
    Nonlinearity::LeakyRelu,
    Nonlinearity::Elu,
    Nonlinearity::Gelu,
    Nonlinearity::Sigmoid,
    Nonlinearity::HardTanh,
    Nonlinearity::Softplus,
    Nonlinearity::Softsign,
];

/// f(z).
pub(crate) fn value(nonlinearity: Nonlinearity, z: f64) -> f64 {
    match nonlinearity {
        Nonlinearity::Linear => z,
        Nonlinearity::Tanh => z.tanh(),
        Nonlinearity::Relu => z.max(0.0),
        Nonlinearity::LeakyRelu => z.max(0.01 * z),
        Nonlinearity::Elu => {
            if z > 0.0 {
                z
            } else {
                z.exp_m1()
            }
        }
        Nonlinearity::Gelu => {
            // Φ(z) = ½ + φ(z) (z + z³/3 + z⁵/15 + …)
            let (mut term, mut sum) = (z, z);
            for k in 1..200 {
                term *= z * z / f64::from(2 * k + 1);
                sum += term;
            }
            z * (0.5 + sum * (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt())
        }
        Nonlinearity::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        Nonlinearity::HardTanh => z.clamp(-1.0, 1.0),
        Nonlinearity::Softplus => z.max(0.0) + (-z.abs()).exp().ln_1p(),
        Nonlinearity::Softsign => z / (1.0 + z.abs()),
        Nonlinearity::Softmax => unreachable!("softmax is not elementwise"),
    }
}
