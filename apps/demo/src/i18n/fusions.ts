import { settings } from '../shell/settings.svelte.js';

/** The strategies' summaries in Chinese; the English ones come from the registry itself. */
const chinese: { readonly [name: string]: string } = {
  sum: 'z = x + y，逐元素相加',
  mean: 'z = (x + y) / 2，取平均',
  max: 'z = max(x, y)，逐元素取最大值',
  product: 'z = x ⊙ y，逐元素相乘',
  concat: 'z = [x, y]，向量首尾相接',
  gated: '门控多模态单元：用学到的门逐元素地权衡各模态',
  film: '逐特征线性调制：一个模态对其他模态做缩放和平移',
  weighted: '学习权重：加权平均，每个模态一个可训练的权重',
  mmtm: '挤压与激励门控：所有模态共同为每个模态的特征开关门',
  bilinear: 'z = xᵀWy + b，每个元素一个完整的双线性型',
  mlb: '低秩双线性池化：投影、tanh、相乘、再投影',
  mfb: '因子化双线性池化：扩展、相乘、分组求和、归一化',
  mfh: '因子化高阶池化：多个 MFB 块级联',
  mutan: '双线性型的 Tucker 分解，核心张量低秩',
  block: '双线性型的块对角分解',
  tfn: '张量融合：各模态（末尾补 1）的外积',
  lmf: '低秩多模态融合：张量融合与低秩线性层合二为一',
  mcb: '紧凑双线性池化：计数草图的循环卷积',
  hypernetwork: '乘性交互：一个模态生成作用于其他模态的层的权重',
  aff: '注意力特征融合：由和的注意力逐元素选择',
  iaff: '迭代注意力特征融合：注意力建立在第一次选择之上',
  deepSet: '深度集合：每个模态过共享网络，求和，再过一个网络',
  productOfExperts: '高斯专家之积：按精度加权的均值',
  mixtureOfExperts: '专家混合：门为每个样本权衡各模态的专家',
  late: '后期融合：每个模态一个线性分类器，对数几率取平均',
  evidential: '证据融合：各模态的狄利克雷证据按 Dempster 规则合并',
  attentionPooling: '对各模态（或其全部词元）取平均，权重随样本而变',
  crossAttention: '一个模态的向量用多头注意力查询其他模态的词元',
  coAttention: '并行协同注意力：词元按其与另一模态的契合度加权',
  bilinearAttention: '双线性注意力网络（BAN）：对词元对做多瞥注意力',
  nonLocalGate: '一个模态的每个词元加上在其他模态词元中找到的内容',
  filmBlocks: '逐块 FiLM：一个模态逐层调制由其他模态词元算出的特征',
  relationNetwork: '关系网络：在其他模态的条件下，对所有对象对求和',
  earlyTransformer: '一个 Transformer 处理所有模态的词元和一个类别词元',
  bottleneck: '瓶颈 Transformer（MBT）：每个模态一个，通过少量共享词元相连',
  perceiverResampler: '少量学到的查询从所有模态的词元中提取信息',
  crossmodalTransformer: '跨模态 Transformer（MulT）：各模态的词元互相关注',
};

/** A strategy in one line, in the reader's language. */
export function summary(fusion: { readonly name: string; readonly summary: string }): string {
  return (settings.language === 'zh' && chinese[fusion.name]) || fusion.summary;
}
