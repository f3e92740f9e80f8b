"""torch's operators that have no counterpart here, by the reason why."""

from __future__ import annotations

ABSENT = "no method of this engine has this meaning"
FORMULA = "no method of its own: what it says is written with those that are here"
FORM = "a form of an operator that is here, with arguments that it does not take here"
ANOTHER = "a method here has this name and another meaning"
COMPLEX = "complex numbers, which are no dtype here"
DTYPE = "dtypes that are not part of this version"
DRAWN = "draws from a generator of its own; suites of random numbers judge ours"
UNDEFINED = "values that torch leaves undefined"
MEMORY = "says how elements lie in memory, which is not for the user to say here"
WRITING = "writes into a tensor, or copies it to write into the copy"
GRADIENT = "the backward pass of another operator"
SPARSE = "sparse or masked tensors"
KERNELS = "for programs of CUDA and other devices"

_GROUPS = {
    ABSENT: """
        igamma igammac i0 lgamma digamma erfc erfinv logit sinc angle
        mvlgamma|mvlgamma_p_1 mvlgamma|mvlgamma_p_3 mvlgamma|mvlgamma_p_5
        polygamma|polygamma_n_0 polygamma|polygamma_n_1 polygamma|polygamma_n_2
        polygamma|polygamma_n_3 polygamma|polygamma_n_4 special.polygamma|special_polygamma_n_0
        special.i0e special.i1 special.i1e special.ndtr special.xlog1py special.zeta special.entr
        special.ndtri special.log_ndtr special.erfcx special.airy_ai special.bessel_j0
        special.bessel_j1 special.bessel_y0 special.bessel_y1 special.chebyshev_polynomial_t
        special.chebyshev_polynomial_u special.chebyshev_polynomial_v
        special.chebyshev_polynomial_w special.hermite_polynomial_h special.hermite_polynomial_he
        special.laguerre_polynomial_l special.legendre_polynomial_p special.modified_bessel_i0
        special.modified_bessel_i1 special.modified_bessel_k0 special.modified_bessel_k1
        special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1
        special.shifted_chebyshev_polynomial_t special.shifted_chebyshev_polynomial_u
        special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w
        special.spherical_bessel_j0 atan2 nextafter frexp ldexp lcm gcd
        median nanmedian quantile nanquantile kthvalue mode histogram histogramdd histc bincount
        bucketize searchsorted unique unique_consecutive isin hash_tensor
        fft.fft fft.fft2 fft.fftn fft.hfft fft.hfft2 fft.hfftn fft.rfft fft.rfft2 fft.rfftn
        fft.ifft fft.ifft2 fft.ifftn fft.ihfft fft.ihfft2 fft.ihfftn fft.irfft fft.irfft2
        fft.irfftn stft istft
        cholesky cholesky_inverse cholesky_solve geqrf lu lu_solve lu_unpack matrix_exp ormqr
        pinverse logdet triangular_solve linalg.cholesky linalg.cholesky_ex linalg.cond linalg.det
        linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh linalg.householder_product
        linalg.inv linalg.inv_ex linalg.ldl_factor linalg.ldl_factor_ex linalg.ldl_solve
        linalg.lstsq linalg.lstsq|grad_oriented linalg.lu linalg.lu_factor linalg.lu_factor_ex
        linalg.lu_solve linalg.matrix_rank linalg.matrix_rank|hermitian linalg.pinv
        linalg.pinv|hermitian linalg.pinv|singular linalg.slogdet linalg.solve linalg.solve_ex
        linalg.solve_triangular linalg.tensorinv linalg.tensorsolve pca_lowrank svd_lowrank
        nn.functional.ctc_loss nn.functional.grid_sample grid_sampler_2d grid_sampler_3d
        _upsample_bilinear2d_aa nn.functional.embedding_bag
        nn.functional.adaptive_avg_pool1d nn.functional.adaptive_avg_pool2d
        nn.functional.adaptive_avg_pool3d nn.functional.adaptive_max_pool1d
        nn.functional.adaptive_max_pool2d nn.functional.adaptive_max_pool3d
        nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d
        nn.functional.multi_head_attention_forward
        broadcast_shapes unravel_index tril_indices triu_indices
        signal.windows.hamming signal.windows.hann signal.windows.bartlett signal.windows.blackman
        signal.windows.cosine signal.windows.exponential signal.windows.gaussian
        signal.windows.kaiser signal.windows.general_cosine signal.windows.general_hamming
        signal.windows.nuttall
        logspace logspace|tensor_overload
    """,
    FORMULA: """
        addmm addmm|decomposed addmv addbmm baddbmm addr addcmul addcdiv cdist combinations
        cartesian_prod block_diag corrcoef cov cross deg2rad rad2deg diff equal diag_embed diagflat
        fmax fmin frac logaddexp2 logical_and logical_or logical_xor heaviside
        nn.functional.cosine_similarity nn.functional.soft_margin_loss
        nn.functional.margin_ranking_loss nn.functional.multi_margin_loss
        nn.functional.multilabel_margin_loss nn.functional.multilabel_soft_margin_loss
        nn.functional.bilinear nn.functional.glu nn.functional.prelu nn.functional.tanhshrink
        nn.functional.threshold nn.functional.triplet_margin_loss
        nn.functional.triplet_margin_with_distance_loss nn.functional.softshrink
        nn.functional.hardshrink nn.functional.smooth_l1_loss nn.functional.l1_loss
        nn.functional.mse_loss nn.functional.cosine_embedding_loss nn.functional.gaussian_nll_loss
        nn.functional.hinge_embedding_loss nn.functional.huber_loss nn.functional.pdist
        nn.functional.poisson_nll_loss nn.functional.pairwise_distance nn.functional.pixel_shuffle
        nn.functional.pixel_unshuffle nn.functional.channel_shuffle nn.functional.kl_div
        nn.functional.local_response_norm nn.functional.linear_cross_entropy
        nn.functional.linear_cross_entropy|chunked nn.functional.linear_cross_entropy|chunked_none
        dist outer inner kron trace tensordot float_power rot90 signbit nan_to_num atleast_1d
        atleast_2d atleast_3d column_stack hstack vstack dstack tensor_split hsplit vsplit dsplit
        sum_to_size broadcast_tensors
        positive hypot renorm trapz trapezoid cumulative_trapezoid xlogy norm norm|nuc norm|fro
        norm|inf count_nonzero nanmean nansum fft.fftshift fft.ifftshift linalg.cross linalg.vecdot
        linalg.matrix_power linalg.multi_dot linalg.norm linalg.norm|subgradients_at_zero
        linalg.matrix_norm linalg.vander linalg.vector_norm _chunk_cat
        _segment_reduce|lengths _segment_reduce|offsets torch.ops.aten._safe_softmax.default
        new_zeros new_ones new_full nn.functional.rms_norm native_group_norm
        nn.functional.group_norm nn.functional.instance_norm
    """,
    FORM: """
        linspace|tensor_overload round|decimals_3 round|decimals_neg_3 _batch_norm_with_update
        nn.functional.batch_norm|without_cudnn nn.functional.interpolate|bicubic
        nn.functional.interpolate|area
    """,
    ANOTHER: "nn.functional.unfold gradient",
    COMPLEX: """
        conj conj_physical resolve_conj resolve_neg view_as_real view_as_complex complex imag real
        isreal polar cdouble cfloat chalf H mH nn.functional.silu|complex
    """,
    DTYPE: "bfloat16 torch._scaled_mm torch._scaled_mm_v2",
    DRAWN: """
        cauchy exponential geometric log_normal normal normal|in_place normal|number_mean uniform
        randn randn_like rand_like randint randint_like multinomial bernoulli nn.functional.rrelu
        nn.functional.dropout nn.functional.dropout2d nn.functional.dropout3d
        nn.functional.alpha_dropout nn.functional.feature_alpha_dropout|with_train
        nn.functional.feature_alpha_dropout|without_train
    """,
    UNDEFINED: "empty empty_like new_empty",
    MEMORY: """
        as_strided as_strided|partial_views as_strided_copy new_empty_strided empty_strided
        empty_permuted
    """,
    WRITING: """
        alias_copy diagonal_scatter as_strided_scatter masked_scatter select_scatter slice_scatter
        index_fill index_copy index_add index_reduce|mean index_reduce|prod index_reduce|amin
        index_reduce|amax index_put put _unsafe_masked_index _unsafe_masked_index_put_accumulate
        fill zero_ resize_ resize_as_
    """,
    GRADIENT: """
        _softmax_backward_data max_pool2d_with_indices_backward native_dropout_backward
    """,
    SPARSE: """
        sparse.sampled_addmm sparse.mm|reduce to_sparse
        masked.sum masked.prod masked.cumsum masked.cumprod masked.amax masked.amin masked.argmax
        masked.argmin masked.mean masked.median masked.norm masked.var masked.std masked.softmax
        masked.log_softmax masked.softmin masked.normalize masked.logaddexp masked.logsumexp
    """,
    KERNELS: """
        jiterator_unary jiterator_binary jiterator_4inputs_with_extra_args
        jiterator_binary_return_by_ref jiterator_2inputs_2outputs
        torch.ops.aten._flash_attention_forward torch.ops.aten._efficient_attention_forward
    """,
}

WITHOUT: dict[str, str] = {
    name: reason for reason, names in _GROUPS.items() for name in names.split()
}
